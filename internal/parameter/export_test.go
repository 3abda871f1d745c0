package parameter

import "aliaport/internal/apperr"

// Settings are those that rules read.
func Settings() []Known { return settings }

// Check holds a value to what the setting's readers expect.
func (k Known) Check(value string) *apperr.Error { return k.check(value) }
