"""Everything that speaks SIP or RTP: legs, mixing matrix, registrar, prompts."""
