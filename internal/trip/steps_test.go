//go:build !long

package trip_test

// modelSteps is how many steps the model is followed for.
const modelSteps = 600
