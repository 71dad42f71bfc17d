"""What browsers talk to: the page, its WebSocket, who may come in, and how all fare."""
