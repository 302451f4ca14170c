"""What may carry a step, each reason with its own conditions."""
