"""What the identity app is made of: the book of records and lists, the check of what is presented, what is told."""
