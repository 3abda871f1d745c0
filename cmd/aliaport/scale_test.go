//go:build !long

package main

import "time"

// How much the tests of several servers do.
const (
	sharedOperations = 3000 // of two servers with a Redis
	ownOperations    = 600  // of two without
	kills            = 2
	outages          = 1                // of Redis
	replaced         = 2                // servers
	jobDay           = 20 * time.Second // a day of jobs, among servers that are killed
	transferKills    = 3                // of a move, each way
	transferOrders   = 500
)
