"""A fictional town: who lives and helps there, what their devices say, and what befalls them.

It sees the platform from outside only: through MQTT, /api/v1 and the phone network.
"""
