-- People and conversations for the demo. Load once, into empty tables. Needs utf8mb4 on the connection.
SET NAMES utf8mb4;

INSERT INTO users (user_id, username, photo) VALUES
  (3, 'Mira Holt', 'photos/mira.svg'),
  (8, 'Tomás Rey', NULL),
  (17, 'Jonas Beck', 'photos/jonas.svg'),
  (23, 'Leila Noor', ''),
  (31, 'Wen Zhao', NULL),
  (42, 'Ines Duarte', 'photos/ines.svg');

INSERT INTO Conversations (conversation_id, created_at, updated_at) VALUES
  (5, UTC_TIMESTAMP() - INTERVAL 9 DAY, UTC_TIMESTAMP() - INTERVAL 26 MINUTE),
  (6, UTC_TIMESTAMP() - INTERVAL 6 DAY, UTC_TIMESTAMP() - INTERVAL 3 HOUR),
  (7, UTC_TIMESTAMP() - INTERVAL 4 DAY, UTC_TIMESTAMP() - INTERVAL 1 DAY),
  (9, UTC_TIMESTAMP() - INTERVAL 2 DAY, UTC_TIMESTAMP() - INTERVAL 2 DAY);

INSERT INTO Messages (message_id, conversation_id, sender_id, content, sent_at, is_read) VALUES
  (101, 5, 3, 'Did the allotment survive the storm?', UTC_TIMESTAMP() - INTERVAL 2 DAY, 1),
  (102, 5, 17, 'Mostly. The bean poles are now modern art.', UTC_TIMESTAMP() - INTERVAL 2 DAY + INTERVAL 4 MINUTE, 1),
  (103, 9, 23, 'Welcome to the building! Bins go out on Tuesday night.', UTC_TIMESTAMP() - INTERVAL 2 DAY + INTERVAL 30 MINUTE, 0),
  (104, 7, 8, 'Who is bringing what on Saturday?', UTC_TIMESTAMP() - INTERVAL 26 HOUR, 1),
  (105, 7, 42, 'I can do the pastéis 🥧', UTC_TIMESTAMP() - INTERVAL 25 HOUR, 1),
  (106, 7, 3, 'Then I bring plates, napkins and an appetite.', UTC_TIMESTAMP() - INTERVAL 1 DAY, 0),
  (107, 6, 42, 'The printer on the second floor speaks French now. Is that you?', UTC_TIMESTAMP() - INTERVAL 190 MINUTE, 0),
  (108, 6, 42, 'It says « bourrage papier » and means it.', UTC_TIMESTAMP() - INTERVAL 3 HOUR, 0),
  (109, 5, 3, 'I am going there at six. Shall I look at the poles?', UTC_TIMESTAMP() - INTERVAL 31 MINUTE, 1),
  (110, 5, 17, 'Please do — there is string in the shed, top shelf.', UTC_TIMESTAMP() - INTERVAL 28 MINUTE, 1),
  (111, 5, 17, 'And take some courgettes. Take all of them.', UTC_TIMESTAMP() - INTERVAL 26 MINUTE, 1);

INSERT INTO ConversationParticipants (conversation_id, user_id, last_read_id) VALUES
  (5, 3, 111), (5, 17, 111),
  (6, 3, 0), (6, 42, 108),
  (7, 3, 106), (7, 8, 106), (7, 17, 105), (7, 42, 105),
  (9, 17, 0), (9, 23, 103);
