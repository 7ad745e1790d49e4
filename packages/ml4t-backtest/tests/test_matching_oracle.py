from .matching_oracle import X
def test_x(): assert X
