"""What a run gives: tables, figures, pictures, and the folder that keeps them."""
