//! Every row of the facts sheet's table 1.3 that is read wrongly is found, and what is right is not.
