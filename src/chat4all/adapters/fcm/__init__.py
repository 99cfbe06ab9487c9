"""Firebase Cloud Messaging: to apps, on Android above all."""
