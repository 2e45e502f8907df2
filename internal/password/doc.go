// Package password hashes passwords with argon2id and tells which ones are too
// weak to be set. It keeps nothing: hashes stand in the rows of the directory.
package password
