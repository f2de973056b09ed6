"""The wire between the host and a runner kernel: frames, messages, the session's rules, and tensors."""
