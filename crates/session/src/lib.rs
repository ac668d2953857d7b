//! The client's half of the protocol: submit, retry, weigh answers, check receipts.
