"""MQTT v5 as devices and gateways speak it: topic names, and one kept-up connection to a broker. Believes nothing."""
