package documents

// SchemaVersion returns the version that NewSQLite brings this package's tables
// to.
func SchemaVersion() int { return len(sqliteSchema()) }

// PostgresSchemaVersion returns the version that NewPostgres brings them to.
func PostgresSchemaVersion() int { return len(postgresSchema()) }
