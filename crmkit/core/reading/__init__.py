"""Reading: lists, single records, aggregates and any statement over safe relations."""
