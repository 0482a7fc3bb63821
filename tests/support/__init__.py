"""What tests stand on: real engines, fresh databases, a running shop. No claims here."""
