//go:build !long

package main

// How much the tests of several servers do.
const (
	sharedOperations = 10000 // of two servers with a Redis
	ownOperations    = 2000  // of two without
	kills            = 3
)
