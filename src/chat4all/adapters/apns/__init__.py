"""Apple's push notification service: to apps on iPhones, iPads and Macs."""
