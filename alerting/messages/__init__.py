"""What is said and written to people, in Chinese and English."""
