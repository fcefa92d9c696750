"""What a judge can ask of a submission that is code: one module an operation, each with an `answer`."""
