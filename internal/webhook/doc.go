// Package webhook tells the addresses that submitters gave (callback_url) how
// their jobs ended.
//
// The store writes a delivery in the transaction that changes a job's status;
// a [Sender] in any process takes those that are due, posts them signed as
// Standard Webhooks has it, and writes down what came of it. A delivery is made
// at least once, under one webhook-id however often it is sent: receivers that
// must not act twice go by that id. Deliveries may overtake each other; each
// says when what it tells happened.
//
// The addresses come from outside. So the one that is really dialled is
// checked, whatever a name stands for ([Targets]), no redirect is followed, no
// proxy of the environment is used, and nothing of an answer but its status is
// kept: a delivery cannot be made to read what only this machine can reach.
package webhook
