// Signing up and signing in.

import { call } from './api.js';
import { button, el, field, fill, notice, say } from './dom.js';
import { signIn, user } from './session.js';

const UNVERIFIED = 'Please verify your email first.';
const WRONG_CLOCK = 'The clock of this device is wrong. Set it and sign in again.';

const input = (name, type, autocomplete, more = {}) => el('input', { name, type, autocomplete, required: true, ...more });

/** A form whose button waits for its answer, and that shows refusals. */
function form(title, fields, verb, submit, ...below) {
  const refusal = notice();
  const go = el('button', { class: 'main' }, verb);
  const element = el('form', { class: 'stack', novalidate: true }, el('h1', {}, title), refusal.element, fields, go, below);
  element.addEventListener('submit', async (event) => {
    event.preventDefault();
    refusal.hide();
    go.disabled = true;
    try {
      await submit(Object.fromEntries(new FormData(element)));
    } catch (error) {
      refusal.show(error.message);
    } finally {
      go.disabled = false;
    }
  });
  return element;
}

/** The view for who is not signed in. */
export function show(main, sentence) {
  const place = el('div', { class: 'card' });
  const why = notice();
  if (sentence) why.show(sentence);
  const turn = (element) => {
    fill(place, element);
    element.querySelector('input')?.focus();
  };

  const enter = async (email, password) => {
    const answer = await call('POST', '/api/auth/login', { email, password });
    signIn(answer.token, answer.user);
    // A new token whose time is over at once.
    if (!user()) throw new Error(WRONG_CLOCK);
  };

  const verify = (email, password, otp) => form('Check your mail',
    [el('p', {}, 'We have sent a code to ', el('strong', {}, email), '.'),
      field('Code', input('otp', 'text', 'one-time-code', { inputmode: 'numeric', value: otp }))],
    'Verify', async (said) => {
      await call('POST', '/api/auth/verify-otp', { email, otp: said.otp });
      await enter(email, password);
    },
    el('p', { class: 'hint' }, button('Back to sign in', () => turn(signInForm()), { class: 'link' })));

  const enterOrVerify = async (email, password, otp) => {
    try {
      await enter(email, password);
    } catch (refusal) {
      if (refusal.message !== UNVERIFIED) throw refusal;
      turn(verify(email, password, otp));
    }
  };

  const signInForm = () => form('Sign in',
    [field('Email', input('email', 'email', 'username')), field('Password', input('password', 'password', 'current-password'))],
    'Sign in', ({ email, password }) => enterOrVerify(email, password),
    el('p', { class: 'hint' }, 'New here? ', button('Create an account', () => turn(signUpForm()), { class: 'link' })));

  const signUpForm = () => form('Create an account',
    [field('Name', input('name', 'text', 'name')), field('Email', input('email', 'email', 'username')),
      field('Password', input('password', 'password', 'new-password'), '6 to 72 characters.')],
    'Create account', async ({ name, email, password }) => {
      const answer = await call('POST', '/api/auth/register', { name, email, password });
      await enterOrVerify(email, password, answer.otp);
      say('Welcome to visage');
    },
    el('p', { class: 'hint' }, 'You have an account? ', button('Sign in', () => turn(signInForm()), { class: 'link' })));

  fill(main, el('div', { class: 'narrow' }, why.element, place,
    el('p', { class: 'hint middle' }, 'visage keeps your profile image for good.')));
  if (sentence) turn(signInForm());
  else fill(place, signInForm());
}
