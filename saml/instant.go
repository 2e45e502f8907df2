package saml

import "time"

// parseInstant reads an xs:dateTime. SAML wants UTC (core, section 1.3.3); an
// offset is understood, a missing zone refused, as is a field out of its range
// or a fraction finer than a nanosecond. A year has four digits.
func parseInstant(b []byte) (time.Time, bool) {
	const shape = "dddd-dd-ddTdd:dd:dd"
	if len(b) <= len(shape) {
		return time.Time{}, false
	}
	for i := range len(shape) {
		digit := b[i] >= '0' && b[i] <= '9'
		if shape[i] == 'd' && !digit || shape[i] != 'd' && b[i] != shape[i] {
			return time.Time{}, false
		}
	}
	nanos, rest, ok := fraction(b[len(shape):])
	if !ok {
		return time.Time{}, false
	}
	offset, ok := zone(rest)
	if !ok {
		return time.Time{}, false
	}
	year, month, day := number(b[0:4]), number(b[5:7]), number(b[8:10])
	hour, minute, second := number(b[11:13]), number(b[14:16]), number(b[17:19])
	if year == 0 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, nanos, time.UTC)
	if t.Month() != time.Month(month) || t.Day() != day {
		return time.Time{}, false // time.Date has carried an impossible date over
	}
	return t.Add(-offset), true
}

func number(b []byte) int {
	n := 0
	for _, c := range b {
		n = n*10 + int(c-'0')
	}
	return n
}

// fraction reads an optional fraction of a second.
func fraction(b []byte) (nanos int, rest []byte, ok bool) {
	if b[0] != '.' {
		return 0, b, true
	}
	i, scale := 1, 100_000_000
	for ; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		if scale == 0 {
			return 0, nil, false
		}
		nanos += int(b[i]-'0') * scale
		scale /= 10
	}
	return nanos, b[i:], i > 1
}

// zone reads Z or an offset of at most 14 hours.
func zone(b []byte) (time.Duration, bool) {
	if len(b) == 1 && b[0] == 'Z' {
		return 0, true
	}
	if len(b) != len("+00:00") || b[0] != '+' && b[0] != '-' || b[3] != ':' {
		return 0, false
	}
	for _, i := range [4]int{1, 2, 4, 5} {
		if b[i] < '0' || b[i] > '9' {
			return 0, false
		}
	}
	offset := time.Duration(number(b[1:3]))*time.Hour + time.Duration(number(b[4:6]))*time.Minute
	if number(b[4:6]) > 59 || offset > 14*time.Hour {
		return 0, false
	}
	if b[0] == '-' {
		offset = -offset
	}
	return offset, true
}

// formatInstant writes an instant as messages of ours carry it.
func formatInstant(t time.Time) string {
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}
