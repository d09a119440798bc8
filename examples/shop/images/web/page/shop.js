// Show products, place orders, and say which replica answered.
const at = (id) => document.getElementById(id);
const money = (cents) => (cents / 100).toLocaleString(undefined, { style: "currency", currency: "EUR" });

async function ask(path, options) {
  const answer = await fetch(path, options);
  const body = await answer.json().catch(() => ({ error: `the shop answered ${answer.status}` }));
  if (body.replica) at("replica").textContent = body.replica;
  if (!answer.ok) throw new Error(body.error ?? `the shop answered ${answer.status}`);
  return body;
}

function say(text, bad = false) {
  at("said").textContent = text;
  at("said").classList.toggle("bad", bad);
}

function card(product) {
  const item = document.createElement("li");
  const title = document.createElement("b");
  const price = document.createElement("span");
  const button = document.createElement("button");
  title.textContent = product.title;
  price.textContent = money(product.price_cents);
  button.textContent = "Order";
  button.addEventListener("click", () => order(product, button));
  item.append(title, price, button);
  return item;
}

async function order(product, button) {
  button.disabled = true;
  try {
    const done = await ask("api/orders", { method: "POST", body: JSON.stringify({ product: product.id, quantity: 1 }) });
    say(`Order ${done.order} taken by ${done.replica}.`);
    await showOrders();
  } catch (error) {
    say(error.message, true);
  }
  button.disabled = false;
}

async function showProducts() {
  const { greeting, products } = await ask("api/products");
  at("greeting").textContent = greeting;
  at("products").replaceChildren(...products.map(card));
}

async function showOrders() {
  const { total, orders } = await ask("api/orders");
  at("total").textContent = `(${total})`;
  at("orders").replaceChildren(...orders.map((one) => {
    const row = document.createElement("tr");
    for (const text of [one.id, one.product, one.quantity, one.by]) row.insertCell().textContent = text;
    return row;
  }));
}

async function refresh() {
  try {
    await Promise.all([showProducts(), showOrders()]);
  } catch (error) {
    say(error.message, true);
    setTimeout(refresh, 2000);
  }
}

refresh();
