"""Sell things: list products, take orders, say which replica answered. State lives in PostgreSQL alone."""

import json
import os
import signal
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2
import psycopg2.pool

REPLICA = os.environ["HOSTNAME"]
GREETING = os.environ.get("GREETING", "Welcome")
CONNECTIONS_MAX = 8
BODY_MAX = 64 * 1024  # bytes: an order is far smaller

PRODUCTS = [
    ("rope", "Walrus-hide rope, 60 ells", 1200),
    ("sail", "Woollen sail, red and white", 48000),
    ("compass", "Sunstone, for cloudy days", 9900),
    ("mead", "Barrel of mead", 3500),
]

SCHEMA = """
CREATE TABLE IF NOT EXISTS products (id text PRIMARY KEY, title text NOT NULL, price_cents integer NOT NULL);
CREATE TABLE IF NOT EXISTS orders (
  id bigserial PRIMARY KEY, product text NOT NULL REFERENCES products, quantity integer NOT NULL CHECK (quantity > 0),
  replica text NOT NULL, placed timestamptz NOT NULL DEFAULT now());
"""


class Database:
    """A small pool of connections; a broken one is thrown away, never handed out again."""

    def __init__(self):
        self._pool = None
        self._free = threading.BoundedSemaphore(CONNECTIONS_MAX)
        self._lock = threading.Lock()

    @contextmanager
    def cursor(self):
        with self._free:
            pool = self._ready()
            connection = pool.getconn()
            try:
                with connection, connection.cursor() as cursor:
                    yield cursor
            except psycopg2.OperationalError:
                pool.putconn(connection, close=True)
                raise
            except BaseException:
                pool.putconn(connection)
                raise
            pool.putconn(connection)

    def _ready(self):
        with self._lock:
            if self._pool is None:
                pool = psycopg2.pool.ThreadedConnectionPool(
                    0, CONNECTIONS_MAX, host=os.environ["DATABASE_HOST"], dbname=os.environ["DATABASE_NAME"],
                    user=os.environ["DATABASE_USER"], password=os.environ["DATABASE_PASSWORD"], connect_timeout=2)
                connection = pool.getconn()
                with connection, connection.cursor() as cursor:
                    cursor.execute("SELECT pg_advisory_xact_lock(1)")   # replicas start together; one makes the tables
                    cursor.execute(SCHEMA)
                    for row in PRODUCTS:
                        cursor.execute("INSERT INTO products VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", row)
                pool.putconn(connection)
                self._pool = pool
            return self._pool


DATABASE = Database()


class Refused(Exception):
    """The customer asked for something we cannot do; the text tells what."""


class Shop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        routes = {"/api/products": products, "/api/orders": orders, "/healthz": alive, "/readyz": ready}
        self.run(routes.get(self.path.split("?")[0]))

    def do_POST(self):
        self.run(self.order if self.path == "/api/orders" else None)

    def order(self):
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_MAX:
            raise Refused(f"an order is at most {BODY_MAX} bytes (got {length})")
        try:
            order = json.loads(self.rfile.read(length))
            product, quantity = str(order["product"]), int(order.get("quantity", 1))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Refused('an order looks like {"product": "rope", "quantity": 2}') from error
        return place(product, quantity)

    def run(self, route):
        if route is None:
            return self.answer(404, {"error": f"there is nothing at {self.path}"})
        try:
            return self.answer(200, route())
        except Refused as error:
            return self.answer(400, {"error": str(error)})
        except psycopg2.Error as error:
            return self.answer(503, {"error": f"the database does not answer: {str(error).strip()}"})

    def answer(self, status, body):
        data = json.dumps(body | {"replica": REPLICA}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if STOPPING.is_set():
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, template, *values):
        if "/healthz" not in self.path and "/readyz" not in self.path:
            print(f"{REPLICA} {template % values}")


def products():
    with DATABASE.cursor() as cursor:
        cursor.execute("SELECT id, title, price_cents FROM products ORDER BY price_cents")
        rows = cursor.fetchall()
    names = ("id", "title", "price_cents")
    return {"greeting": GREETING, "products": [dict(zip(names, row, strict=True)) for row in rows]}


def orders():
    with DATABASE.cursor() as cursor:
        cursor.execute("SELECT id, product, quantity, replica FROM orders ORDER BY id DESC LIMIT 20")
        rows = cursor.fetchall()
        cursor.execute("SELECT count(*) FROM orders")
        (total,) = cursor.fetchone()
    names = ("id", "product", "quantity", "by")
    return {"total": total, "orders": [dict(zip(names, row, strict=True)) for row in rows]}


def place(product, quantity):
    if not 1 <= quantity <= 1000:
        raise Refused(f"quantity must be 1 to 1000 (got {quantity})")
    with DATABASE.cursor() as cursor:
        cursor.execute("SELECT 1 FROM products WHERE id = %s", (product,))
        if cursor.fetchone() is None:
            raise Refused(f"we do not sell {product!r}")
        cursor.execute("INSERT INTO orders (product, quantity, replica) VALUES (%s, %s, %s) RETURNING id",
                       (product, quantity, REPLICA))
        (number,) = cursor.fetchone()
    return {"order": number, "product": product, "quantity": quantity}


def alive():
    return {"alive": True}


def ready():
    with DATABASE.cursor() as cursor:
        cursor.execute("SELECT 1")
    return {"ready": True}


STOPPING = threading.Event()


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = False      # leaving waits for the answers that are under way


def main():
    server = Server(("", 8000), Shop)

    def stop(_signal, _frame):
        STOPPING.set()
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    Shop.timeout = 5    # seconds a kept-alive connection may rest; also bounds how long leaving takes
    print(f"{REPLICA} sells on port 8000")
    server.serve_forever(poll_interval=0.1)
    server.server_close()


main()
