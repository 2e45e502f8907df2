// Package app reads the settings of a server and wires its parts together:
// database, use cases, doors, listeners, background work. It decides nothing
// itself.
package app
