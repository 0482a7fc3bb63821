"""The shop looks at itself: what each process reports, and who asks."""
