"""How devices put what they do into messages: one file for each protocol. Pure, and as stateful as a device is."""
