//go:build long

package main

import "time"

// How much the tests of several servers do.
const (
	sharedOperations = 60000 // of two servers with a Redis
	ownOperations    = 20000 // of two without
	kills            = 30
	outages          = 10                // of Redis
	replaced         = 12                // servers
	jobDay           = 144 * time.Second // a day of jobs, among servers that are killed: ten minutes a second
	transferKills    = 20                // of a move, each way
	transferOrders   = 4000
)
