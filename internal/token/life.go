package token

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// ParseLife reads a duration of whole minutes, hours or days, such as 30m, 12h
// or 7d. An empty text is zero: the default.
func ParseLife(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	units := map[byte]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}
	unit, ok := units[s[len(s)-1]]
	n, err := strconv.Atoi(strings.TrimSuffix(s, s[len(s)-1:]))
	if !ok || err != nil || n <= 0 || n > 1_000_000 {
		return 0, errors.New("is a duration such as 30m, 12h or 7d")
	}
	return time.Duration(n) * unit, nil
}
