/*
 * The page at `/try`: two people of a made-up site, side by side, both live. Served outside production only.
 *
 * What this page asks of the relay's public listener (all same-origin, JSON in UTF-8, `Cache-Control: no-store`):
 *
 * GET  /try            try.html
 * GET  /try/try.js     this file          GET /try/try.css    its style
 * GET  /relay-client.js, /socket.io/socket.io.min.js   as everywhere
 *
 * GET  /try/session    → 200
 *   {
 *     "users": [ {"id": "ada", "name": "Ada", "token": "<relay:client token, sub ada>", "cursor": "<cursor>" | null},
 *                {"id": "ben", "name": "Ben", "token": "…", "cursor": … } ],
 *     "conversation_id": "try",
 *     "curl": "curl … /notify …" | null,
 *     "docs": "https://…/README.md" | null
 *   }
 *   Asked again at every (re)connect and every few minutes: a fresh token and a fresh `curl` line each time (valid
 *   300 s, or as long as the line that `npm start` prints). Its message names "ada" and "ben" as recipients, has a
 *   `message.id` of its own, `conversation_id: "try"` and a `sender_id` that is neither of the two.
 *   `cursor` is the one *before* the oldest message the user's inbox still holds (a reload then shows this run's
 *   messages again by replay, since no PHP is there to give a history); null where the store cannot tell.
 *   `docs` is where "next steps" link to; null: the links go to the file names only.
 *   The relay knows conversation "try" with the members "ada" and "ben" by the time this is answered, so that
 *   `typing` and `watch_presence` work before the first message.
 *
 * POST /try/send       {"from": "ada", "to": "ben", "text": "hi"}   (1–2,000 characters, from ≠ to, both of the two)
 *   The relay makes the notify of it that a PHP page would have sent, and takes it the same way as `POST /notify`:
 *   {"id": "<made here>", "recipients": ["ben"], "sender": "ada",
 *    "message": {"id": "<the same>", "conversation_id": "try", "sender_id": "ada", "sender_name": "Ada",
 *                "sender_photo": "", "content": "hi", "sent_at": "<now, ISO>"}}
 *   → 200 with the notify's answer {"id", "duplicate", "delivered", "offline"}; else {"error": {"code", "message"}}
 *     and the status that `/notify` would have.
 *
 * GET  /try/trace/:id  → 200 as `GET /messages/:id/trace`: {"id", "accepted", "recipients": {"ben": {"accepted",
 *                        "delivered": [{"socket", "at"}], "confirmed": "<ISO>" | null}}}; 404 when unknown or when
 *                        neither "ada" nor "ben" is among its recipients. Times with milliseconds.
 */
