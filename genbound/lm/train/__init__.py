"""Training: plain, for the bound (Gaussian weights), and from the draws of a teacher."""
