"""What browsers talk to: the page, its WebSocket, and who may come in."""
