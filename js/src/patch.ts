// Makes a parent's children be what descriptions say, touching only what differs.
import type { Handler, Props, VNode } from "./dom"

const SVG = "http://www.w3.org/2000/svg"
const SPECIAL = new Set(["key", "on", "css", "value", "life"])
const handlers = new WeakMap<Node, Record<string, Handler>>()

/** Turns `before`, what is in `parent` now, into `after`. A description that is the same object is left alone. */
export function patch(parent: Element, before: VNode[], after: VNode[]): void {
  if (before === after) return
  const old = new Map(before.map((vnode) => [vnode.slot, vnode]))
  for (const vnode of after) {
    const match = old.get(vnode.slot)
    if (match) update(match, vnode)
    else create(vnode)
    old.delete(vnode.slot)
  }
  for (const vnode of old.values()) remove(vnode)
  order(parent, after)
}

/** A node that is in its place is not moved: moving one takes its focus away. */
function order(parent: Element, vnodes: VNode[]): void {
  let cursor = parent.firstChild
  for (const { node } of vnodes) {
    if (node === cursor) cursor = cursor?.nextSibling ?? null
    else if (node) parent.insertBefore(node, cursor)
  }
}

function create(vnode: VNode): void {
  if (vnode.tag === "#text") {
    vnode.node = document.createTextNode(vnode.text)
    return
  }
  const element = vnode.svg ? document.createElementNS(SVG, vnode.tag) : document.createElement(vnode.tag)
  vnode.node = element
  apply(element, {}, vnode.props)
  patch(element, [], vnode.children)
  write(element, vnode.props)
  start(vnode)
}

function update(before: VNode, after: VNode): void {
  if (before === after) return
  after.node = before.node
  if (after.tag === "#text") {
    if (before.text !== after.text) (after.node as Text).data = after.text
    return
  }
  const element = after.node as Element
  apply(element, before.props, after.props)
  patch(element, before.children, after.children)
  write(element, after.props)
  if (before.props.life?.id === after.props.life?.id) {
    after.stop = before.stop
    return
  }
  before.stop?.()
  start(after)
}

function start(vnode: VNode): void {
  vnode.stop = vnode.props.life?.start(vnode.node as HTMLElement) ?? null
}

function remove(vnode: VNode): void {
  retire(vnode)
  vnode.node?.parentNode?.removeChild(vnode.node)
}

function retire(vnode: VNode): void {
  vnode.stop?.()
  if (vnode.node) handlers.delete(vnode.node)
  vnode.children.forEach(retire)
}

function apply(element: Element, before: Props, after: Props): void {
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (!SPECIAL.has(name) && before[name] !== after[name]) attribute(element, name, after[name])
  }
  for (const [name, value] of Object.entries(after.css ?? {})) {
    if (before.css?.[name] !== value) (element as HTMLElement).style.setProperty(name, value)
  }
  listen(element, after.on)
}

function attribute(element: Element, name: string, value: unknown): void {
  if (value === null || value === undefined || value === false) element.removeAttribute(name)
  else element.setAttribute(name, value === true ? "" : String(value))
}

/** After the children, since a select's value needs its options. */
function write(element: Element, props: Props): void {
  if (props.value === undefined) return
  const control = element as HTMLInputElement
  if (control.value !== props.value) control.value = props.value
}

/** One listener for an event's name; what it calls is looked up, so that a new description needs no new listener. */
function listen(element: Element, on: Record<string, Handler> | undefined): void {
  if (!on) {
    handlers.delete(element)
    return
  }
  const known = listening.get(element) ?? new Set<string>()
  for (const name of Object.keys(on)) {
    if (known.has(name)) continue
    element.addEventListener(name, (event) => handlers.get(element)?.[name]?.(event))
    known.add(name)
  }
  listening.set(element, known)
  handlers.set(element, on)
}
const listening = new WeakMap<Element, Set<string>>()
