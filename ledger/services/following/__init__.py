"""The follower: from sealed blocks to the chain tables."""
