package server_test

import (
	"encoding/json"
)

// posting is a document as the body of a request.
func posting(document string) string {
	b, err := json.Marshal(map[string]string{"query": document})
	if err != nil {
		panic(err) // strings always marshal
	}
	return string(b)
}
