//go:build !long

package main

// How much the tests of several servers do.
const (
	sharedOperations = 3000 // of two servers with a Redis
	ownOperations    = 600  // of two without
	kills            = 2
	outages          = 1 // of Redis
	replaced         = 2 // servers
	transferKills    = 3 // of a move, each way
	transferOrders   = 500
)
