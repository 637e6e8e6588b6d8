-- What the site has committed and the relay has not yet taken. MySQL 5.7, 8 and MariaDB 10.x.
-- InnoDB because a row must come and go with the site's own transaction; times are UTC by the database's clock.
CREATE TABLE IF NOT EXISTS relay_outbox (
  seq          BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  conversation VARBINARY(128) NOT NULL COMMENT 'rows of one value are sent one after the other',
  payload      MEDIUMTEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'the body of POST /notify, sent as it stands',
  created_at   DATETIME(3) NOT NULL,
  not_before   DATETIME(3) NOT NULL COMMENT 'end of the lease while claimed, else of the backoff',
  claim        CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'whose lease it is',
  attempts     INT UNSIGNED NOT NULL DEFAULT 0,
  last_error   VARCHAR(500) CHARACTER SET ascii COLLATE ascii_bin NULL,
  failed_at    DATETIME(3) NULL COMMENT 'refused for good: kept for a person to look at, holds nothing up',
  PRIMARY KEY (seq),
  KEY heads (failed_at, conversation, seq)
) ENGINE=InnoDB;
