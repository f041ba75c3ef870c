"""What people see: HTTP and WebSocket API and the web desk."""
