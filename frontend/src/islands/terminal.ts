import type { Island } from '../page/islands'
const island: Island = () => () => undefined
export default island
