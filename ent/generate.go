// Package ent is the storage layer, generated from ent/schema. Written by hand
// are only schema/, template/, entc.go and this file.
package ent

//go:generate go run -mod=mod entc.go
