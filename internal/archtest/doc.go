// Package archtest has the tests that keep the packages in their order: who may
// import whom, and that each says what it is for.
package archtest
