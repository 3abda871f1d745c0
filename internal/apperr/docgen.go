package apperr

import (
	"fmt"
	"strings"
)

// Markdown is docs/errors.md.
func Markdown() string {
	var b strings.Builder
	b.WriteString("# Error codes\n\nGenerated from `internal/apperr/codes.go` by `make generate`; do not edit.\n\n" +
		"What a user can mend comes as `userErrors` of a payload and rolls everything back. Everything else is a top-level\n" +
		"error with `extensions {code requestId retryable retryAfterMs}`. Clients branch on the code, never on the text.\n" +
		"The status is used with `Accept: application/graphql-response+json`; `application/json` answers 200 wherever a\n" +
		"GraphQL answer was possible.\n")
	for _, user := range []bool{false, true} {
		if user {
			b.WriteString("\n## User errors\n\n")
		} else {
			b.WriteString("\n## Top-level errors\n\n")
		}
		b.WriteString("| code | status | retry | English | Türkçe |\n|---|---|---|---|---|\n")
		for _, e := range Table {
			if e.User != user {
				continue
			}
			retry := "no"
			if e.Retryable {
				retry = "yes"
			}
			fmt.Fprintf(&b, "| `%s` | %d | %s | %s | %s |\n", e.Code, e.HTTP, retry, e.Text.EN, e.Text.TR)
		}
	}
	return b.String()
}

// SDL is the enum of the codes that userErrors carry.
func SDL() string {
	var b strings.Builder
	b.WriteString("# Generated from internal/apperr/codes.go by `make generate`; do not edit.\n\n" +
		"\"What was wrong with an input (hata kodu). Branch on this, never on the message.\"\nenum UserErrorCode {\n")
	for _, e := range Table {
		if e.User {
			fmt.Fprintf(&b, "  \"%s — %s\"\n  %s\n", strings.TrimSuffix(e.Text.EN, "."), strings.TrimSuffix(e.Text.TR, "."), e.Code)
		}
	}
	b.WriteString("}\n")
	return b.String()
}
