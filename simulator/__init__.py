"""The platform's judge: homes, devices, people and the phone network, seen from outside."""
