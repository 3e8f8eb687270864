"""What goes wrong around the emergencies: connections that flap, devices that babble, a provider that fails."""
