"""A stand-in for the phone network that speaks Twilio's REST interface."""
