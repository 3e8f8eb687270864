"""Listeners for devices that do not speak MQTT."""
