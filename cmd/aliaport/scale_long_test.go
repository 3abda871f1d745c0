//go:build long

package main

// How much the tests of several servers do.
const (
	sharedOperations = 60000 // of two servers with a Redis
	ownOperations    = 20000 // of two without
	kills            = 30
	outages          = 10 // of Redis
	replaced         = 12 // servers
	transferKills    = 20 // of a move, each way
	transferOrders   = 4000
)
