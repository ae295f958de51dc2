"""ask.py URL RETRIES whole|stream QUESTION: one question by the official OpenAI client.

Prints what came of it as one line of JSON: text, chunks, and the name, status and code of an error.
"""

import json
import sys

import openai

url, retries, form, question = sys.argv[1:]
client = openai.OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=int(retries))
seen = {"text": "", "chunks": 0}
try:
    answer = client.chat.completions.create(
        model="scripted",
        messages=[{"role": "user", "content": question}],
        stream=form == "stream",
    )
    if form == "stream":
        for chunk in answer:
            seen["chunks"] += 1
            seen["text"] += chunk.choices[0].delta.content or ""
    else:
        seen["text"] = answer.choices[0].message.content
except openai.APIError as error:
    seen["error"] = type(error).__name__
    seen["status"] = getattr(error, "status_code", None)
    seen["code"] = error.code
print(json.dumps(seen))
