"""Who can be reached: sources in, fused availability out."""
